//! A local server that behaves like the Easemob IM service.
