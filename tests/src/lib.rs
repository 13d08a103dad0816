//! Shared set-up of the whole-binary tests.
