#include <gtest/gtest.h>

#include "mqtt/url.h"

namespace weir::mqtt {
namespace {

TEST(Url, Reads) {
  struct Case {
    const char* url;
    bool tls;
    const char* host;
    int port;
  };
  for (const auto& [url, tls, host, port] :
       {Case{"mqtt://broker", false, "broker", 1883}, Case{"mqtts://broker", true, "broker", 8883},
        Case{"mqtt://10.0.0.1:18830/", false, "10.0.0.1", 18830}, Case{"mqtts://[::1]:1", true, "::1", 1}}) {
    const auto address = parse_url(url);
    ASSERT_TRUE(address) << url << ": " << address.error().text();
    EXPECT_EQ(address->tls, tls);
    EXPECT_EQ(address->host, host);
    EXPECT_EQ(address->port, port);
    EXPECT_EQ(parse_url(address->text())->text(), address->text());
  }
}

TEST(Url, RefusesWhatIsNone) {
  for (const char* url :
       {"", "broker", "broker:1883", "http://broker", "mqtt://", "mqtt://broker/topic", "mqtt://broker:0",
        "mqtt://broker:70000", "mqtt://broker?x=1", "mqtt://broker:x", "mqtt://a b", "mqtt://br\noker"}) {
    const auto address = parse_url(url);
    EXPECT_FALSE(address) << url;
    if (!address) {
      EXPECT_FALSE(address.error().hint.empty()) << url;
    }
  }
}

TEST(Url, NeverRepeatsAPassword) {
  for (const char* url : {"mqtt://user:hunter2@broker", "mqtt://user:hunter2@bro ker"}) {
    const auto address = parse_url(url);
    ASSERT_FALSE(address);
    EXPECT_EQ(address.error().text().find("hunter2"), std::string::npos);
  }
}

}  // namespace
}  // namespace weir::mqtt
