/* What a webhook's receiver relies on, and whom it must not reach. */

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "orch.h"
#include "orch_address.h"


static bool
is_public(const char *text)
{
    struct sockaddr_in   in = { .sin_family = AF_INET };
    struct sockaddr_in6  in6 = { .sin6_family = AF_INET6 };

    if (inet_pton(AF_INET, text, &in.sin_addr) == 1) {
        return orch_address_is_public((struct sockaddr *) &in);
    }

    assert_int_equal(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);

    return orch_address_is_public((struct sockaddr *) &in6);
}


static void
test_addresses_beside_the_public_internet_are_known(void **state)
{
    size_t  i;

    static const char *const  private[] = {
        "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1",
        "100.127.255.255", "127.0.0.1", "127.255.255.254", "169.254.169.254",
        "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1",
        "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.19.255.255",
        "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.250",
        "240.0.0.1", "255.255.255.255",
        "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
        "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1",
        "64:ff9b:1::1", "100::1", "2001::1", "2001:0:5ef5:79fd::1",
        "2001:10::1", "2001:20::1", "2001:db8::1", "2002:7f00:1::1",
        "3fff::1", "fc00::1", "fd12:3456::1", "fe80::1", "fec0::1", "ff02::1"
    };
    static const char *const  public[] = {
        "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255",
        "100.128.0.0", "126.255.255.255", "128.0.0.1", "172.15.255.255",
        "172.32.0.0", "192.167.255.255", "192.169.0.0", "223.255.255.255",
        "2606:4700::1111", "2001:4860:4860::8888", "2a00:1450::1",
        "::ffff:8.8.8.8", "2001:200::1"
    };

    (void) state;

    for (i = 0; i < sizeof(private) / sizeof(private[0]); i++) {
        assert_false(is_public(private[i]));
    }

    for (i = 0; i < sizeof(public) / sizeof(public[0]); i++) {
        assert_true(is_public(public[i]));
    }

    assert_false(orch_address_is_public(&(struct sockaddr) {
        .sa_family = AF_UNIX }));
}


/* the example of the specification's libraries */
static void
test_a_message_is_signed_as_standard_webhooks_does(void **state)
{
    char     header[64];
    size_t   len;
    uint8_t  key[64];

    (void) state;

    assert_true(orch_webhook_key(PT_STR("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
                                 key, &len));
    assert_int_equal(len, 24);

    orch_webhook_sign(key, len, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
                      PT_STR("{\"test\": 2432232314}"), header);
    assert_string_equal(header,
                        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}


static void
test_what_is_no_secret_is_refused(void **state)
{
    size_t   i, len;
    uint8_t  key[64];

    static const char *const  bad[] = {
        "", "whsec_", "whsec_MfKQ", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa!w",
        ("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
         "AAAAAAAAAAAAAAAAAAAAAAAA")
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(orch_webhook_key(pt_str(bad[i]), key, &len));
    }
}


static void
test_eight_retries_take_a_day(void **state)
{
    unsigned  n;
    uint64_t  first = 0, last = 0;

    (void) state;

    for (n = 1; n <= ORCH_WEBHOOK_RETRIES; n++) {
        assert_true(orch_webhook_delay_s(n, 0) > 0);
        first += orch_webhook_delay_s(n, 0);
        last += orch_webhook_delay_s(n, UINT64_MAX);
    }

    assert_in_range(first, 23 * 3600, 24 * 3600);
    assert_true(last >= first);
    assert_int_equal(orch_webhook_delay_s(0, 0), 0);
    assert_int_equal(orch_webhook_delay_s(ORCH_WEBHOOK_RETRIES + 1, 0), 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_addresses_beside_the_public_internet_are_known),
        cmocka_unit_test(test_a_message_is_signed_as_standard_webhooks_does),
        cmocka_unit_test(test_what_is_no_secret_is_refused),
        cmocka_unit_test(test_eight_retries_take_a_day)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
