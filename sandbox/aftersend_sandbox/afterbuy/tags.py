"""Tags of UpdateSoldItems: adding (1), replacing (2), removing (3), and what happens to undefined tags.

Three shapes are accepted, as three clients in production send them: one ``Tags`` with UpdateAction, one without, and a
``Tags`` per ``Tag``.
"""

from typing import Final

from lxml import etree

from aftersend_sandbox.afterbuy.xml import content
from aftersend_sandbox.world.afterbuy_account import AfterbuyOrder
from aftersend_sandbox.world.world import World

LONGEST: Final = 50
ADD, REPLACE, REMOVE = "1", "2", "3"


def tag_error(node: "etree._Element", world: World) -> int | None:
    """Return error 74 if a tag to set is refused, 2 for an unknown UpdateAction, else None."""
    for tags in node.findall("Tags"):
        action = _action(tags, world)
        if action not in {ADD, REPLACE, REMOVE}:
            return 2
        if action == REMOVE and world.switches.tag_removal == "refused":
            return 74
        names = _names(tags) if action != REMOVE else []
        if world.switches.tag_too_long == "refused" and any(len(each) > LONGEST for each in names):
            return 74
        if world.switches.tag_unknown == "refused" and any(_known(each, world) is None for each in names):
            return 74
    return None


def apply_tags(node: "etree._Element", order: AfterbuyOrder, changes: dict[str, tuple[str, str]], world: World) -> None:
    """Apply every ``Tags`` element in document order."""
    before = list(order.tags)
    for tags in node.findall("Tags"):
        action = _action(tags, world)
        if action == REMOVE:
            is_ignored = world.switches.tag_removal == "ignored"
            gone = set() if is_ignored else {_folded(each, world) for each in _names(tags)}
            order.tags[:] = [each for each in order.tags if _folded(each, world) not in gone]
            continue
        if action == REPLACE and not (node.findall("Tags").index(tags) and tags.find("UpdateAction") is None):
            order.tags.clear()
        for name in _names(tags):
            _add(name, order, world)
    for tag in order.tags:
        if tag not in before:
            world.journal.tags_added[order.order_id, tag] += 1
    if before != order.tags:
        changes["Tags"] = (", ".join(before), ", ".join(order.tags))


def _add(name: str, order: AfterbuyOrder, world: World) -> None:
    if world.switches.tag_too_long == "cut":
        name = name[:LONGEST]
    own = _known(name, world)
    if own is None:
        if world.switches.tag_unknown == "ignored":
            return
        world.afterbuy.tag_manager.append(name)
        own = name
    if own not in order.tags:
        order.tags.append(own)


def _known(name: str, world: World) -> str | None:
    """Return the tag in the Tag Manager's own spelling."""
    wanted = _folded(name[:LONGEST] if world.switches.tag_too_long == "cut" else name, world)
    return next((each for each in world.afterbuy.tag_manager if _folded(each, world) == wanted), None)


def _folded(name: str, world: World) -> str:
    return name.casefold() if world.switches.tag_case == "insensitive" else name


def _action(tags: "etree._Element", world: World) -> str:
    action = content(tags, "UpdateAction")
    if action is None or world.switches.update_action == "ignored":
        return ADD if world.switches.update_action_missing == "add" else REPLACE
    return action


def _names(tags: "etree._Element") -> list[str]:
    return [text for each in tags.findall("Tag") if (text := (each.text or "").strip())]
