// What the receiver took: records in a file, each synced before it is acknowledged.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace weir::oracle {

struct Arrival {
  std::string topic;
  std::string payload;
};

class ArrivalLog {
 public:
  explicit ArrivalLog(const std::filesystem::path& file);
  ArrivalLog(const ArrivalLog&) = delete;
  ArrivalLog& operator=(const ArrivalLog&) = delete;
  ~ArrivalLog();

  void add(std::string_view topic, std::string_view payload);  // on the disk when it returns

 private:
  int fd_;
};

std::vector<Arrival> read_arrivals(const std::filesystem::path& file);

}  // namespace weir::oracle
