//! A stand-in for the platform's REST API, for tests.
