"""Handing over a merchant's credentials, sealed on the way.

    platform engineer            merchant                          platform engineer
    keygen ──> recipients ──> page (HTML, works offline) ──> text ──> open ──> Secrets or folders

In reading order: ``recipients`` (who can open, and the five words to compare), ``page`` (one static file that seals in
the browser with age), ``contents`` (what is inside, and what is refused), ``letter`` (the sealed text as a mail program
leaves it, and how it is opened), ``delivery`` (Secrets or folders). The script of the page is built from
``web/handover`` by ``make handover-page``; a test holds the built file against its sources.
"""
