//! The processor with this component.

fn main() -> std::process::ExitCode {
    action_processor::main([my_component::component()])
}
