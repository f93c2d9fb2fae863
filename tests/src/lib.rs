//! End-to-end, fault and fuzz tests.
