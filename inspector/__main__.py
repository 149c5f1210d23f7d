"""`python -m inspector`, for environments whose scripts folder is not on PATH."""

from inspector.cli import main

if __name__ == "__main__":
    main()
