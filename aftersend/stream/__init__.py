"""Events on Redis Streams, and the consumer that loses none of them.

In reading order: ``event`` (one event and its sealed envelope), ``group_commit`` and ``stream`` (add and read),
``scripts`` (the files of ``lua/``), ``pending_entries`` (what the consumer group knows), ``retry`` (what happens after
a try; when a dead letter is made), ``delayed`` and ``dead_letters`` (where an event goes then), ``due_time`` (the sleep
of a consumer with nothing to do), ``upstream_outage``, ``wake_up`` and ``connection_backoff`` (when the upstream or
Redis is away, and when it is back), ``task_slots``, ``handling`` and ``delivery`` (the life of entries), ``redelivery``
(care for those that were delivered before), ``guard`` (what a stolen user of a producer can do to a stream), ``timing``
and ``consumer`` (the loops), ``stored_events`` (every event of a stream, for backups).
"""
