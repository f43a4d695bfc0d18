"""The reasons of conditions: a contract that programs compare and the guide explains."""

from enum import StrEnum


class ConditionReason(StrEnum):
    """All reasons; among the faults the worst comes first."""

    # faults: Ready is False, or Degraded is True, or both
    INVALID_SPEC = "InvalidSpec"
    NOT_OURS = "NotOurs"
    APPLY_REFUSED = "ApplyRefused"
    SECRET_MISSING = "SecretMissing"  # noqa: S105 - a word, not a password
    SECRET_KEY_MISSING = "SecretKeyMissing"  # noqa: S105 - the same
    DATA_KEY_MISSING = "DataKeyMissing"
    REDIS_UNREACHABLE = "RedisUnreachable"
    SCALED_TO_ZERO = "ScaledToZero"
    WORKLOADS_UNAVAILABLE = "WorkloadsUnavailable"
    CREDENTIALS_REFUSED = "CredentialsRefused"
    ADDRESS_TAKEN = "AddressTaken"
    ADDRESS_NOT_SERVED = "AddressNotServed"
    UPSTREAM_UNAVAILABLE = "UpstreamUnavailable"
    EXPORT_FAILED = "ExportFailed"
    BACKUP_FAILED = "BackupFailed"
    VOLUME_NOT_GROWN = "VolumeNotGrown"
    VOLUME_NOT_CHANGED = "VolumeNotChanged"
    # Ready
    RUNNING = "Running"
    STARTING = "Starting"
    # Progressing
    ROLLING_OUT = "RollingOut"
    UPGRADING = "Upgrading"
    UPGRADE_FAILED = "UpgradeFailed"
    WAITING_FOR_TURN = "WaitingForTurn"
    WAVE_STOPPED = "WaveStopped"
    UP_TO_DATE = "UpToDate"
    # Degraded
    HEALTHY = "Healthy"
    # Suspended
    SUSPENDED = "SuspendedBySpec"
    ACTIVE = "Active"
