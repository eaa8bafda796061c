/* The one table of errors. */

#include "pt_err.h"


static const struct {
    const char  *code;
    bool         retryable;
} pt_errs[PT_E_COUNT_] = {
    [PT_OK]                      = { "ok",                      false },
    [PT_E_BAD_MESSAGE]           = { "bad_message",             false },
    [PT_E_UNKNOWN_COMMAND]       = { "unknown_command",         false },
    [PT_E_INVALID]               = { "invalid",                 false },
    [PT_E_TOO_LARGE]             = { "too_large",               false },
    [PT_E_NOT_FOUND]             = { "not_found",               false },
    [PT_E_FORBIDDEN]             = { "forbidden",               false },
    [PT_E_CONFLICT]              = { "conflict",                false },
    [PT_E_IDEMPOTENCY_MISMATCH]  = { "idempotency_mismatch",    false },
    [PT_E_IN_FLIGHT]             = { "in_flight",               true  },
    [PT_E_GONE]                  = { "gone",                    false },
    [PT_E_UNKNOWN_FILE]          = { "unknown_file",            false },
    [PT_E_UNKNOWN_ACTION]        = { "unknown_action",          false },
    [PT_E_QUOTA]                 = { "quota_exceeded",          false },
    [PT_E_SEALING_KEY]           = { "sealing_key_missing",     false },
    [PT_E_INPUT_BROKEN]          = { "input_broken",            false },
    [PT_E_INPUT_UNSUPPORTED]     = { "input_unsupported",       false },
    [PT_E_INPUT_LIMIT]           = { "input_limit_exceeded",    false },
    [PT_E_PARAMETERS]            = { "parameters_contradict",   false },
    [PT_E_CANCELLED]             = { "cancelled",               false },
    [PT_E_EXPIRED]               = { "expired",                 false },
    [PT_E_TIMEOUT]               = { "timeout",                 true  },
    [PT_E_CRASHED]               = { "processor_crashed",       true  },
    [PT_E_RESOURCE_LIMIT]        = { "resource_limit_exceeded", false },
    [PT_E_NOMEM]                 = { "out_of_memory",           true  },
    [PT_E_IO]                    = { "io_error",                true  },
    [PT_E_STORAGE]               = { "storage_unavailable",     true  },
    [PT_E_DATABASE]              = { "database_unavailable",    true  },
    [PT_E_UNAVAILABLE]           = { "unavailable",             true  },
    [PT_E_QUEUE_FULL]            = { "queue_full",              true  },
    [PT_E_INTERNAL]              = { "internal",                true  }
};


const char *
pt_err_code(pt_err_t err)
{
    return (unsigned) err < PT_E_COUNT_ ? pt_errs[err].code : "internal";
}


bool
pt_err_retryable(pt_err_t err)
{
    return (unsigned) err < PT_E_COUNT_ ? pt_errs[err].retryable : true;
}


pt_err_t
pt_err_from_code(pt_str_t code)
{
    unsigned  i;

    for (i = 0; i < PT_E_COUNT_; i++) {
        if (pt_str_is(code, pt_errs[i].code)) {
            return (pt_err_t) i;
        }
    }

    return PT_E_INTERNAL;
}
