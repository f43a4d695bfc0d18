"""Hooks of the documentation's site: pages from outside ``docs/``, and links that lead out of it.

The repository's own pages (README, changelog, the chart's) stay where readers of the repository look for them; the site
shows them under names of its own. A link to a source file becomes a link into the repository where its address is given
(``REPOSITORY_URL=https://…/blob/main make site``), and plain text where it is not.
"""

import os
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security-policy.md",
    "charts/aftersend/README.md": "chart.md",
    "examples/README.md": "examples.md",
}
"""Pages of the repository, and their names in the site."""
LINK = re.compile(r"(?P<image>!?)\[(?P<text>[^\]]*)\]\((?P<target>[^)#\s]*)(?P<anchor>#[^)\s]*)?\)")
REPOSITORY = os.environ.get("REPOSITORY_URL", "").rstrip("/")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Replace each ``folder/*.md`` of the navigation by the pages of that folder that it does not name."""
    config.nav = _expanded(config.nav, set(_named(config.nav)))
    return config


def _named(nav: Any) -> list[str]:  # noqa: ANN401 - the navigation is nested lists and maps
    if isinstance(nav, str):
        return [nav]
    entries = nav.values() if isinstance(nav, dict) else nav
    return [name for entry in entries for name in _named(entry)]


def _expanded(nav: Any, named: set[str]) -> Any:  # noqa: ANN401 - see _named
    if isinstance(nav, dict):
        return {title: _expanded(entry, named) for title, entry in nav.items()}
    if not isinstance(nav, list):
        return nav
    return [
        each for entry in nav for each in (_folder(entry, named) if _is_folder(entry) else [_expanded(entry, named)])
    ]


def _is_folder(entry: object) -> bool:
    return isinstance(entry, str) and entry.endswith("/*.md")


def _folder(pattern: str, named: set[str]) -> list[str]:
    found = sorted(str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").glob(pattern))
    return [name for name in found if name not in named]


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages from outside ``docs/``."""
    for source, name in PAGES.items():
        files.append(File.generated(config, name, content=(ROOT / source).read_text()))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Point each link at the site's own page, or out of it."""
    names = {name: source for source, name in PAGES.items()}
    source = names.get(page.file.src_uri, f"docs/{page.file.src_uri}")
    return LINK.sub(lambda link: _link(link, source, page.file.src_uri), markdown)


def _link(link: re.Match[str], source: str, shown_as: str) -> str:
    target = link["target"]
    if not target or "://" in target or target.startswith("mailto:"):
        return link[0]
    path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
    inside = PAGES.get(path) or (path.removeprefix("docs/") if path.startswith("docs/") else "")
    if inside and not inside.endswith((".py", ".toml", ".json")) and not (ROOT / path).is_dir():
        aim = posixpath.relpath(inside, posixpath.dirname(shown_as) or ".")
        return f"{link['image']}[{link['text']}]({aim}{link['anchor'] or ''})"
    return f"[{link['text']}]({REPOSITORY}/{path})" if REPOSITORY else link["text"]
