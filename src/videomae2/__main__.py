"""``python -m videomae2`` is ``videomae2``, also where the script is not on the path."""

from videomae2.cli.main import run

if __name__ == "__main__":
    run()
