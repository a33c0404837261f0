//! The journal, in memory, in a file and in PostgreSQL: one suite for all, and what each does when things go wrong.

mod child;
mod memory;
mod platforms;
mod postgres;
mod postgres_faults;
mod retention;
mod sqlite;
mod sqlite_crash;
mod sqlite_faults;
mod start;
mod suite;
mod url;
