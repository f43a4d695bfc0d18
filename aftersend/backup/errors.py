"""Why a backup cannot be used; each error says where it breaks and what to do."""

from aftersend.errors import AftersendError, Misconfigured


class BadBackup(AftersendError):  # noqa: N818 - domain words, as its relatives
    """This backup is of no use here; another one may be."""


def damaged(name: str, chunk: int) -> BadBackup:
    """Some bytes are not those that were written."""
    return _bad(name, "damaged or sealed for another place", f"chunk {chunk}")


def truncated(name: str, chunk: int) -> BadBackup:
    """Report a backup that ends too early."""
    return _bad(name, "truncated", f"chunk {chunk}")


def no_backup(name: str) -> BadBackup:
    """Report a file that does not begin like a backup."""
    return _bad(name, "not a backup of a version that this release reads", "header")


def foreign(name: str, tenant: str) -> BadBackup:
    """Report a backup of another tenant, or another one than its name says."""
    return _bad(name, f"not a backup of {tenant} under this name", "header")


def key_missing(name: str, key: str) -> Misconfigured:
    """Report that the data key is missing."""
    return Misconfigured(f"backup {name} is sealed under data key {key}", cure=f"put the file data-key/{key} back")


def _bad(name: str, what: str, where: str) -> BadBackup:
    return BadBackup(what, upstream=f"backup {name}", path=where, cure="use another one (`aftersend backup list`)")
