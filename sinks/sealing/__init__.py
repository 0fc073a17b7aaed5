"""Sealing of both logs: leaves into Merkle trees, signed checkpoints, proofs, and their verification."""
