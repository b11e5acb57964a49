#include "mqtt/client.h"

namespace weir::mqtt {

bool matches(std::string_view filter, std::string_view topic) {
  // Wildcards at the start do not reach into $SYS and its like (4.7.2).
  if (!topic.empty() && topic.front() == '$' && !filter.empty() && filter.front() != '$') return false;
  for (;;) {
    const auto filter_end = filter.find('/');
    const auto topic_end = topic.find('/');
    const auto level = filter.substr(0, filter_end);
    if (level == "#") return filter_end == filter.npos;
    if (level != "+" && level != topic.substr(0, topic_end)) return false;
    if (topic_end == topic.npos) {
      // "a/#" matches "a" too.
      return filter_end == filter.npos || filter.substr(filter_end) == "/#";
    }
    if (filter_end == filter.npos) return false;
    filter.remove_prefix(filter_end + 1);
    topic.remove_prefix(topic_end + 1);
  }
}

}  // namespace weir::mqtt
