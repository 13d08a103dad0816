//! Typed async client for the REST API of the Easemob IM server.
