import pytest

from aftersend.tenant.quantities import storage_bytes


@pytest.mark.parametrize(
    ("quantity", "amount"),
    [
        ("1Gi", 2**30),
        ("1024Mi", 2**30),
        ("1048576Ki", 2**30),
        ("1.5Gi", 3 * 2**29),
        (".5Ti", 2**39),
        ("2Pi", 2**51),
        ("1Ei", 2**60),
        ("10G", 10**10),
        ("1e9", 10**9),
        ("12E6", 12 * 10**6),
        ("1E", 10**18),
        ("5k", 5000),
        ("1500m", 1.5),
        ("4096", 4096),
        ("", 0),
        ("much", 0),
        ("1ki", 0),
    ],
)
def test_every_quantity_of_kubernetes_is_read(quantity: str, amount: float) -> None:
    assert storage_bytes(quantity) == amount
