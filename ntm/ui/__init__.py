"""The demo: everything gradio, and the browser's view of the tape."""
