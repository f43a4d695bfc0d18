"""OrderIDs, and what the same orders are called in Sendcloud."""

import pytest

from aftersend.order_ids import incoming_order_id, is_order_id, order_id_of


@pytest.mark.parametrize("text", ["", "0", "000", "12a", "x", "-1", " 1", "٧٠٠", "7" * 20, "9" * 5000, "700:sealed"])
def test_nothing_but_digits_is_an_order_id(text: str) -> None:
    assert not is_order_id(text)
    assert order_id_of(f"afterbuy-{text}") == ""


@pytest.mark.parametrize("order", ["1", "700", "7" * 19])
def test_an_order_is_found_again_by_the_id_under_which_it_is_pushed(order: str) -> None:
    assert order_id_of(incoming_order_id(order)) == order == order_id_of(incoming_order_id(int(order)))


@pytest.mark.parametrize("external", ["", "700", "shop-700", "afterbuy", "Afterbuy-700"])
def test_orders_of_other_systems_have_no_order_id(external: str) -> None:
    assert order_id_of(external) == ""
