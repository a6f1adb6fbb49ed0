"""`python -m nightmill`."""

from nightmill.cli import main

if __name__ == "__main__":
    main()
