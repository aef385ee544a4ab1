"""The look of the page: a theme of Gradio's with its contrasts raised, our stylesheet, and the script at its head."""

from importlib.resources import files

import gradio as gr

STYLE = files("ntm.ui").joinpath("page.css").read_text("utf-8")
HEAD = f"<script>{files('ntm.ui.browser').joinpath('whole.js').read_text('utf-8')}</script>"
_BOTH_MODES = ("", "_dark")


def make_theme() -> gr.themes.Base:
    """Gradio's Soft theme without frames around titles, in colours that can be read in both modes."""
    fonts = ["system-ui", "sans-serif"]
    theme = gr.themes.Soft(primary_hue="blue", neutral_hue="slate", font=fonts, font_mono=["ui-monospace", "monospace"])
    return theme.set(**_plain_titles(), **_readable_colours(), **_edges())


def _plain_titles() -> dict[str, str]:
    colours = {
        "block_title_background_fill": "none",
        "block_title_text_color": "*body_text_color",
        "block_info_text_color": "*body_text_color",
        "block_background_fill": "transparent",
    }
    sizes = {"layout_gap": "10px", "block_title_padding": "0", "block_title_text_weight": "600", "block_padding": "0"}
    return sizes | {name + mode: value for name, value in colours.items() for mode in _BOTH_MODES}


def _readable_colours() -> dict[str, str]:
    """A shade darker than the theme has them: white on its accent, and its faint text on white, are hard to read."""
    accents = ("slider_color", "button_primary_background_fill", "checkbox_label_background_fill_selected")
    return {
        "color_accent": "*primary_600",
        "block_label_text_color": "*primary_700",
        "body_text_color_subdued": "*neutral_600",
        "body_text_color_subdued_dark": "*neutral_300",
        "button_secondary_background_fill_hover_dark": "*neutral_600",
        "link_text_color": "*primary_700",
        "link_text_color_dark": "*primary_300",
        **{name + mode: "*primary_600" for name in accents for mode in _BOTH_MODES},
        **{f"button_primary_background_fill_hover{mode}": "*primary_700" for mode in _BOTH_MODES},
    }


def _edges() -> dict[str, str]:
    """An edge around all that can be typed in or pressed, for white on white shows none (WCAG 1.4.11: 3 to 1)."""
    edged = ("input", "checkbox", "checkbox_label", "button_secondary")
    widths = {f"{name}_border_width": "1px" for name in ("input", "checkbox", "checkbox_label", "button")}
    return {
        **widths,
        **{f"{name}_border_color{mode}": "*neutral_500" for name in edged for mode in _BOTH_MODES},
        **{f"{name}_shadow": "none" for name in ("input", "checkbox_label", "button_secondary")},
    }
