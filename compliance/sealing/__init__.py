"""The sealed audit log: Merkle tree, signed checkpoints, anchors, proofs and verification."""
