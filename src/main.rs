//! The processor with the components it is shipped with.

use std::process::ExitCode;

fn main() -> ExitCode {
    action_processor::main([add_task::component(), hello::component(), set_last_updated::component()])
}
