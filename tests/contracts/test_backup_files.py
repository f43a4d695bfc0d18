"""Files of a backup: where they lie, what they are called, how they begin. Older ones must open for ever."""

import re

from tests.contracts.served_tenant import IDENTITY, ServedTenant

_ID = r"\d{8}T\d{6}Z-[0-9a-f]{4}"


def test_names_and_heads(tenant: ServedTenant) -> None:
    folder = tenant.folder / "backups"
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert files
    for file in files:
        name = re.fullmatch(rf"{IDENTITY}/({_ID})\.(\d{{8}})\.\d+\.backup", str(file.relative_to(folder)))
        assert name, file
        head, _, chunks = file.read_bytes().partition(b"\n")
        assert head.decode() == f"aftersend-backup 1 {IDENTITY} {name[1]} {name[2]}"
        size = int.from_bytes(chunks[:4], "big")
        assert chunks[4 : 4 + size].startswith(f"{name[2]}:".encode())
