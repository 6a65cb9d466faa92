//! Sequences that must lose nothing.

mod files;
mod full_disk;
mod table;
