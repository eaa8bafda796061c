/*
 * pitchey-test: a processor whose actions do one thing each, for tests of the
 * layers above it.
 */

#include "test_actions.h"


static const pt_action_t  test_table[] = {
    { "noop",      test_noop,      PT_ACTION_LIGHT },
    { "clock",     test_clock,     PT_ACTION_LIGHT },
    { "echo",      test_echo,      PT_ACTION_CACHEABLE | PT_ACTION_LIGHT },
    { "sleep",     test_sleep,     0 },
    { "secret",    test_secret,    0 },
    { "output",    test_output,    PT_ACTION_CACHEABLE },
    { "tree",      test_tree,      0 },
    { "fail",      test_fail,      PT_ACTION_LIGHT },
    { "read-file", test_read_file, 0 },
    { "crash",     test_crash,     PT_ACTION_LIGHT },
    { "hog",       test_hog,       0 },
    { "escape",    test_escape,    0 },
    { "linger",    test_linger,    0 },
    { NULL, NULL, 0 }
};

static const pt_processor_t  test_processor = {
    .service        = "test-service",
    .actions        = test_table,
    .slots          = 4,
    .memory_bytes   = 512u << 20,
    .file_bytes     = 64u << 20,
    .outputs_bytes  = 32u << 20,
    .cpu_s          = 1,
    .timeout_s      = 600
};


int
main(int argc, char **argv)
{
    return pt_processor_main(&test_processor, argc, argv);
}
