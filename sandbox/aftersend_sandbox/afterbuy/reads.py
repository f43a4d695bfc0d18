"""The reading calls of the simulated Afterbuy: GetAfterbuyTime, GetSoldItems, GetShopProducts."""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from lxml import etree

from aftersend_sandbox.afterbuy.filters import MOST_FILTERS, MOST_VALUES, read_filters
from aftersend_sandbox.afterbuy.orders import LEVELS, RAW, add_order
from aftersend_sandbox.afterbuy.xml import AfterbuyAnswer, AfterbuyError, berlin, content, decimal_comma, put, put_prose
from aftersend_sandbox.world.afterbuy_account import AfterbuyOrder, Product
from aftersend_sandbox.world.world import World

LARGEST_PAGE: Final = 250
USUAL_PAGE: Final = 100
MOST_PRODUCTS: Final = 500


def get_time(_root: "etree._Element", answer: AfterbuyAnswer, world: World) -> None:
    """Answer with local and universal time."""
    now = world.clock.now()
    put(answer.result, "AfterbuyTimeStamp", berlin(now))
    put(answer.result, "AfterbuyUniversalTimeStamp", now.strftime("%d.%m.%Y %H:%M:%S"))


def get_sold_items(root: "etree._Element", answer: AfterbuyAnswer, world: World) -> None:
    """Answer with one page of orders."""
    level = _level(root, default=0, allowed=LEVELS)
    most = _page_size(content(root, "MaxSoldItems"), too_many=31)
    selection = read_filters(root, world.switches)
    descending = _flag(root, "OrderDirection")
    matching = _visible(root, selection.of(world.afterbuy.orders, descending=descending), world)
    by_date = world.switches.order_under_date_filter == "by_date" and selection.dated
    page, more = _cut(matching, most)
    if by_date:
        page.sort(key=lambda order: order.ordered_at)
    if not page and world.switches.nothing_found == "code_15":
        raise AfterbuyError(15)
    _put_page(answer.result, page, more=more, level=level, world=world)


def _visible(root: "etree._Element", orders: Iterator[AfterbuyOrder], world: World) -> Iterator[AfterbuyOrder]:
    hidden, unfinished, now = _flag(root, "ReturnHiddenItems"), _flag(root, "RequestAllItems"), world.clock.now()
    shown = (each for each in orders if each.is_shown(now))
    return (each for each in shown if (hidden or not each.hidden) and (unfinished or each.is_order))


def _cut(orders: Iterator[AfterbuyOrder], most: int) -> tuple[list[AfterbuyOrder], bool]:
    page = list(islice(orders, most + 1))
    return page[:most], len(page) > most


def _put_page(result: "etree._Element", page: list[AfterbuyOrder], *, more: bool, level: int, world: World) -> None:
    put(result, "HasMoreItems", str(int(more)))
    orders = put(result, "Orders")
    for order in page:
        add_order(orders, order, level, world.switches)
    put(result, "OrdersCount", str(len(page)))
    put(result, "LastOrderID", str(page[-1].order_id) if page else "0")
    put(result, "ItemsCount", str(sum(len(order.items) for order in page)))
    if world.switches.odd_spelling == "yes" and len(page) % 2:
        result.append(result[0])


def get_shop_products(root: "etree._Element", answer: AfterbuyAnswer, world: World) -> None:
    """Answer with products, their weights and customs data."""
    _level(root, default=0, allowed=0x3FF)
    most = _page_size(content(root, "MaxShopItems"), too_many=16)
    wanted = _product_ids(root)
    known = world.afterbuy.products
    found = [known[each] for each in sorted(wanted) if each in known] if wanted is not None else list(known.values())
    if not found:
        raise AfterbuyError(15)
    page = max(int(content(root, "PageNumber") or "1"), 1) if _flag(root, "PaginationEnabled") else 1
    start = (page - 1) * most
    put(answer.result, "HasMoreProducts", str(int(len(found) > start + most)))
    products = put(answer.result, "Products")
    for product in found[start : start + most]:
        _put_product(put(products, "Product"), product, world)


def _put_product(node: "etree._Element", product: Product, world: World) -> None:
    put(node, "ProductID", str(product.product_id))
    put(node, "Anr", str(product.anr))
    put(node, "EAN", product.ean)
    put_prose(node, "Name", product.name, world.switches)
    put(node, "Weight", decimal_comma(product.weight, "0.001"))
    put(node, "SellingPrice", decimal_comma(product.price))
    put(node, "CustomsTariffNumber", product.hs_code)
    put(node, "CountryOfOrigin", product.origin)
    if product.raw_memo:
        put(node, "Memo", f"{RAW}{product.product_id}")
    tags = put(node, "Tags")
    for tag in product.tags:
        put_prose(tags, "Tag", tag, world.switches)


def _product_ids(root: "etree._Element") -> set[int] | None:
    filters = root.findall("DataFilter/Filter")
    if len(filters) > MOST_FILTERS:
        raise AfterbuyError(36)
    if not filters:
        return None
    if any(content(each, "FilterName") != "ProductID" for each in filters):
        raise AfterbuyError(30)
    values = [(each.text or "").strip() for each in root.findall("DataFilter/Filter/FilterValues/FilterValue")]
    if len(values) > MOST_VALUES:
        raise AfterbuyError(50)
    if not values or not all(each.isdecimal() for each in values):
        raise AfterbuyError(30)
    return {int(each) for each in values}


def _level(root: "etree._Element", *, default: int, allowed: int) -> int:
    text = content(root, "AfterbuyGlobal/DetailLevel")
    if not text:
        return default
    if not text.isdecimal() or int(text) & ~allowed:
        raise AfterbuyError(18)
    return int(text)


def _page_size(text: str | None, *, too_many: int) -> int:
    if not text:
        return USUAL_PAGE
    if not text.isdecimal() or not 1 <= int(text) <= LARGEST_PAGE:
        raise AfterbuyError(too_many)
    return int(text)


def _flag(root: "etree._Element", name: str) -> bool:
    return content(root, name) == "1"
