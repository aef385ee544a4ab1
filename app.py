"""Launches the demo: `python app.py`, then open http://127.0.0.1:7860."""

from ntm.ui.page import launch

if __name__ == "__main__":
    launch()
