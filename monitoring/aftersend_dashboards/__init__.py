"""The dashboards as code: what is asked stands in ``fleet`` and ``tenant``, how a panel looks in ``blocks``."""
