"""The merchant's rules for the way out, all pure: which orders go, and what they say in Sendcloud.

Each rule, and where it is decided:

=====================================  =================================================
which dates are read                   ``window.period``
what appears later than its own date   ``late_orders.late_orders``
which orders go, why others do not     ``eligibility.eligibility``
wanted tags                            ``wanted_names.has_wanted_tags``
wanted shipping methods                ``wanted_names.has_wanted_method``
time to cancel or to combine           ``age.is_too_young``
what counts as paid, paid on delivery  ``payment.is_paid``, ``payment.is_cash_on_delivery``
push, confirm or leave alone           ``next_action.next_action``
what a dry run prints                  ``outcomes.outcome_of``
held, watched, given up, problems      ``transitions``
sent without data that may be missed   ``notices.missing_data``, ``notices.fields_left_out``
the whole order                        ``order_mapping.push_order``
when an order counts as changed        ``order_mapping.fingerprint``
name, street, state, mail, phone       ``addresses.shipping_address``
Packstation, Postfiliale, Postnummer   ``post_numbers.pick_up_point``
which positions are shipped            ``items.shipped_items``
currency, prices, total                ``items.order_currency``, ``items.order_total``
weight of a piece, of an order         ``weights.piece_weight``, ``weights.total_weight``
an order without any weight            ``weights.default_weight``
shipping method, fixed option          ``order_mapping.push_order``
where customs papers are needed        ``territories.needs_customs``, ``papers.needs_papers``
tariff number, origin                  ``customs.hs_code``, ``customs.origin_country``
tax numbers of the merchant            ``tax_numbers.sender_numbers``
VOEC, IOSS of a marketplace            ``marketplace_numbers.marketplace_number``
business buyers, weight per article    ``papers.with_papers``
the buyer's VAT id                     ``vat_ids.vat_id``
what single countries want             ``country_papers``
when a refused order is sent again     ``resend.resend_due_at``
what is sent after a refusal           ``fallback.fallback_order``, ``house_numbers.divide``
what an order can go without           ``optional_fields.without``
=====================================  =================================================
"""
