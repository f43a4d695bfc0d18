"""The control API below /control: people's and carriers' actions, faults, switches, time."""
