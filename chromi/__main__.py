"""Run the command line: `python -m chromi COMMAND`."""

from chromi.cli import run

if __name__ == "__main__":
    run()
