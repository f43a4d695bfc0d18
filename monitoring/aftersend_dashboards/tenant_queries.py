"""What the rows of one tenant share: the matcher of its series and ways to ask for them."""

from typing import Final

from aftersend_dashboards.blocks import WINDOW, Look, or_zero

OF: Final = 'tenant="$tenant"'
YES_IS_BAD: Final = Look(warn=1, words={"0": "no", "1": "yes"})


def per_window(metric: str, *labels: str) -> str:
    """Sum a counter of the tenant over each window."""
    return f"sum by ({', '.join(labels)}) (increase({metric}{{{OF}}}[{WINDOW}]))"


def quantile(metric: str, share: str, *labels: str) -> str:
    """Estimate a quantile of a histogram of the tenant; 0 while nothing was observed."""
    by = ", ".join(("le", *labels))
    return or_zero(
        f"histogram_quantile({share}, sum by ({by}) (rate({metric}_bucket{{{OF}}}[{WINDOW}]))) >= 0", *labels
    )
