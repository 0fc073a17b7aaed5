"""Measurements that anybody can repeat: each names its physical limit, taken in the same run."""
