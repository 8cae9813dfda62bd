"""The run-time type checker of the tests: an int is a float, as it is for a static one."""

from beartype import BeartypeConf, beartype

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))
