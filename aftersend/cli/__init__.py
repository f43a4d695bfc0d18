"""``aftersend …``: the command line.

In reading order: ``entry`` (console script), ``main`` (list of commands), ``commands`` (most commands, their options
and help) with ``options`` (shared ones) and ``run_command``, ``lazy`` (imports the module of a command when it runs).
The work of a command is in the module of its name: ``check`` with ``checks`` and ``refused_webhooks``, ``setup`` with
``setup_looks``, ``setup_plan``, ``setup_changes`` and ``signed_webhook`` (both share ``upstream_checks`` and
``findings``), ``up`` with ``up_plan`` and ``supervisor``, ``trigger``, ``orders`` with ``order_details``, ``dead``,
``backup``, ``keys`` (options in ``key_commands``), ``crd``, ``demo``, ``sandbox``, ``handover`` (in
``handover_commands``), ``forget`` and ``audit`` (in ``privacy_commands``), ``merchant_report`` (in ``report_command``).
Below them: ``event_loop`` (logging and traces around a coroutine), ``tenant_context`` (document, Redis and secrets of a
tenant), ``held_in_backups``, ``report`` (the file of ``--report``), ``confirm``, ``jitter``, ``redis_wait``, ``output``
with ``terminal_table``, and ``exit_codes``.
"""
