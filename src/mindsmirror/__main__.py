"""`python -m mindsmirror` is the console script."""

from mindsmirror.cli.main import main

main()
