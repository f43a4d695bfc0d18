"""The merchant's report: what happened in the last days, and what a person should look at; no personal data.

In reading order: ``period`` (which days), ``merchant_report`` (the facts, as JSON shows them), ``collect`` (reads them
from the ledger and the daily counters), ``words`` (``texts.json``: each reason, problem and notice in the merchant's
language), ``groups`` (equal ones together), ``as_text`` and ``as_html``.
"""
