"""How the bridge is seen from outside: metrics, logs and traces, none of which ever carries personal data."""
