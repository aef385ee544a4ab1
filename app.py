"""Launches the demo: `python app.py`, then open http://127.0.0.1:7860."""

from ntm.commands.demo import main

if __name__ == "__main__":
    main()
