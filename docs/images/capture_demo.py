"""Makes ``docs/images/demo.svg``: a real run of ``aftersend demo``, recorded as the terminal showed it at the end."""

import asyncio
import io
import tempfile
from pathlib import Path

from rich.console import Console

from aftersend.observe import logs
from aftersend_demo.display import LiveDisplay, verdict_table
from aftersend_demo.environment import DemoEnvironment
from aftersend_demo.main import live_through

PICTURE = Path(__file__).with_name("demo.svg")


def main() -> None:
    """Run the demo and keep its last picture and the verdict."""
    logs.configure("console", "error")
    console = Console(record=True, width=118, force_terminal=True, file=io.StringIO())
    with tempfile.TemporaryDirectory() as folder, DemoEnvironment(Path(folder), orders=300) as demo:
        display = LiveDisplay(Console(file=io.StringIO(), force_terminal=True, width=118))
        rules = asyncio.run(live_through(demo, display))
        display.close()
    console.print("[bold]$ make demo")
    console.print(display.render())
    console.print(verdict_table(rules))
    console.save_svg(str(PICTURE), title="aftersend demo")


if __name__ == "__main__":
    main()
