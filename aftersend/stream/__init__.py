"""Events that survive: a sealed envelope on Redis Streams, and the consumer that loses none of them."""
