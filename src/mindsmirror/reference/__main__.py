"""`python -m mindsmirror.reference`: write the reference again, in a checkout. A stale one fails `make check`."""

import sys

from mindsmirror.reference.pages import FOLDER, stale_pages
from mindsmirror.system.files import write_text

if __name__ == "__main__":
    if not FOLDER.parent.is_dir():
        sys.exit(f"the reference is written in a checkout of the project; there is no folder {FOLDER.parent}")
    for path, text in stale_pages().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text)
        print(f"written: {path}")
