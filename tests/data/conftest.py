"""Images in a folder and in a zip: what is tested of one is tested of the other."""

import pytest

from tests.support.images import WRITERS, Write


@pytest.fixture(params=WRITERS)
def write(request: pytest.FixtureRequest) -> Write:
    return WRITERS[request.param]
