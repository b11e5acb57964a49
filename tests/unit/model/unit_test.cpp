#include "model/unit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace weir::model {
namespace {

using ::testing::HasSubstr;

Unit unit(std::string_view text) {
  auto parsed = Unit::parse(text);
  EXPECT_TRUE(parsed.has_value()) << text << ": " << (parsed ? "" : parsed.error().text());
  return parsed.value_or(Unit{});
}

// What `value` in one unit is in another; NaN if they do not convert.
double converted(double value, std::string_view from, std::string_view to) {
  const auto conversion = convert(unit(from), unit(to));
  return conversion ? (*conversion)(value) : std::numeric_limits<double>::quiet_NaN();
}

std::string refusal(std::string_view text) {
  auto parsed = Unit::parse(text);
  return parsed ? "it is taken" : parsed.error().text();
}

// As NIST SP 811 and UCUM's own tables have them.
TEST(Unit, ConvertsWhatMachinesAndMetersComeWith) {
  struct Case {
    double value;
    const char* from;
    const char* to;
    double expected;
  };
  const Case cases[] = {
      {1, "bar", "kPa", 100},
      {1, "mbar", "Pa", 100},
      {1, "atm", "Pa", 101325},
      {1, "[psi]", "Pa", 6894.757293168361},
      {1, "m[H2O]", "kPa", 9.80665},
      {1, "mm[Hg]", "Pa", 133.322},
      {1, "[in_i'H2O]", "Pa", 249.08891},
      {1, "kW.h", "MJ", 3.6},
      {1, "kW.h", "J", 3.6e6},
      {1, "[Btu_IT]", "J", 1055.05585262},
      {1, "kcal", "kJ", 4.184},
      {1, "[HP]", "W", 745.69987158227022},
      {1, "m3/h", "l/min", 1000.0 / 60},
      {1, "[gal_us]/min", "l/min", 3.785411784},
      {1, "[cft_i]/min", "m3/h", 1.69901079552},
      {1, "[kn_i]", "m/s", 1852.0 / 3600},
      {1, "[mi_i]/h", "km/h", 1.609344},
      {1, "[ft_i]", "m", 0.3048},
      {1, "[yd_i]", "m", 0.9144},
      {1, "[lb_av]", "kg", 0.45359237},
      {1, "[oz_av]", "g", 28.349523125},
      {1, "[lbf_av]", "N", 4.4482216152605},
      {1, "t", "kg", 1000},
      {1, "ar", "m2", 100},
      {1, "st", "l", 1000},
      {1, "L", "l", 1},
      {1, "Ao", "nm", 0.1},
      {1, "d", "h", 24},
      {1, "wk", "d", 7},
      {1, "a", "d", 365.25},
      {12, "mo", "a", 1},
      {180, "deg", "rad", 3.14159265358979323846},
      {1, "deg", "'", 60},
      {1, "'", "''", 60},
      {100, "gon", "deg", 90},
      {1, "circ", "deg", 360},
      {1, "%", "[ppm]", 1e4},
      {1, "[ppth]", "%", 0.1},
      {1000, "[ppb]", "[ppm]", 1},
      {1, "cP", "mPa.s", 1},
      {1, "cSt", "mm2/s", 1},
      {1, "T", "G", 1e4},
      {1, "Wb", "Mx", 1e8},
      {1, "Oe", "A/m", 79.57747154594767},
      {1, "Ci", "GBq", 37},
      {1, "Sv", "mSv", 1000},
      {1, "eV", "J", 1.602176634e-19},
      {1, "u", "kg", 1.66053906660e-27},
      {1, "V.A", "W", 1},
      {1, "V/A", "Ohm", 1},
      {1, "V.A{reactive}", "W", 1},
      {1, "C/V", "uF", 1e6},
      {1, "Wb/A", "mH", 1000},
      {1, "kg.m/s2", "N", 1},
      {1, "lm/m2", "lx", 1},
      {1, "kat", "U", 6e7},
      {1, "10*3.m", "km", 1},
      {5, "10*-3.m", "mm", 5},
      {1, "By", "bit", 8},
      {1, "MiBy", "KiBy", 1024},
      {1, "(m/s)/s", "m/s2", 1},
      {1, "/min", "Hz", 1.0 / 60},
      {1, "1/min", "/min", 1},
      {1, "min-1", "/min", 1},
      {1, "m3{gas}/h", "m3/h", 1},
      {3, "60.s", "min", 3},
  };
  for (const Case& c : cases) {
    const double got = converted(c.value, c.from, c.to);
    EXPECT_LE(std::abs(got - c.expected), std::abs(c.expected) * 4e-16 * 4)
        << c.from << " to " << c.to << ": " << got;
    EXPECT_LE(std::abs(converted(got, c.to, c.from) / c.value - 1), 1e-15) << c.to << " back to " << c.from;
  }
}

TEST(Unit, ConvertsTemperatures) {
  EXPECT_DOUBLE_EQ(converted(0, "Cel", "K"), 273.15);
  EXPECT_NEAR(converted(98.6, "[degF]", "Cel"), 37, 1e-12);
  EXPECT_NEAR(converted(-40, "[degF]", "Cel"), -40, 1e-12);
  EXPECT_NEAR(converted(100, "Cel", "[degF]"), 212, 1e-12);
  EXPECT_NEAR(converted(80, "[degRe]", "Cel"), 100, 1e-12);
  EXPECT_NEAR(converted(491.67, "[degR]", "Cel"), 0, 1e-12);
  EXPECT_NEAR(converted(0, "[degF]", "K"), 255.37222222222223, 1e-12);
  EXPECT_NEAR(converted(25, "Cel{room}", "[degF]"), 77, 1e-12);
}

TEST(Unit, LeavesAloneWhatIsTheSame) {
  for (const auto& [from, to] :
       {std::pair{"m3/h", "m3/h"}, {"Cel", "Cel"}, {"J", "N.m"}, {"1", "1"}, {"{rpm}", "{rpm}"}}) {
    const auto conversion = convert(unit(from), unit(to));
    ASSERT_TRUE(conversion) << from;
    EXPECT_TRUE(conversion->same()) << from << " to " << to;
  }
}

TEST(Unit, DoesNotConvertWhatIsSomethingElse) {
  const std::pair<const char*, const char*> different[] = {
      {"kW", "kW.h"},         {"Cel", "kPa"}, {"rad/s", "Hz"},    {"m2", "m3"},  {"F", "Cel"},
      {"1", "{rpm}"},         {"{rpm}", "%"}, {"{rpm}", "{pcs}"}, {"[iU]", "1"}, {"[iU]/l", "[iU]"},
      {"B[SPL]", "B[V]"},     {"[pH]", "1"},  {"B", "1"},         {"dB", "Np"},  {"{a}/s", "{b}/s"},
      {"{a}.{b}", "{a}.{a}"}, {"[NTU]", "1"},
  };
  for (const auto& [from, to] : different) {
    EXPECT_FALSE(convert(unit(from), unit(to))) << from << " to " << to;
  }
  EXPECT_DOUBLE_EQ(converted(1, "k[iU]/l", "[iU]/ml"), 1);
  EXPECT_DOUBLE_EQ(converted(1, "{pieces}/min", "{pieces}/h"), 60);
  EXPECT_DOUBLE_EQ(converted(3, "dB[SPL]", "B[SPL]"), 0.3);
}

TEST(Unit, PrefixesGoOnMetricUnitsOnly) {
  for (const char* text : {"kmin", "khh", "m%", "k[in_i]", "mdeg", "kk", "kkg", "da", "k", "mmin", "k[psi]", "cdd"})
    EXPECT_FALSE(Unit::parse(text)) << text;
  EXPECT_EQ(converted(1, "dar", "m2"), 10);    // a deciare, and no decaröntgen
  EXPECT_EQ(converted(1, "cd", "mcd"), 1000);  // candela, and no centiday
  EXPECT_EQ(converted(1, "dam", "m"), 10);
}

TEST(Unit, ANonRatioStandsAlone) {
  for (const char* text : {"Cel/min", "Cel2", "W/Cel", "2.Cel", "(Cel)", "/Cel", "[degF]-1", "dB/m"})
    EXPECT_THAT(refusal(text), HasSubstr("stands alone")) << text;
  EXPECT_THAT(refusal("Cel/min"), HasSubstr("K/min"));
  EXPECT_TRUE(Unit::parse("mCel"));
}

TEST(Unit, SaysHowItIsSpelt) {
  const std::pair<const char*, const char*> wrong[] = {
      {"°C", "write Cel"},
      {"℃", "write Cel"},
      {"degC", "write Cel"},
      {"°F", "write [degF]"},
      {"kwh", "write kW.h"},
      {"kWh", "write kW.h"},
      {"m³/h", "write m3/h"},
      {"m^3/h", "write m3/h"},
      {"psi", "write [psi]"},
      {"sec", "write s"},
      {"rpm", "write {rpm}"},
      {"RPM", "write {rpm}"},
      {"VA", "write V.A"},
      {"kvar", "write kV.A{reactive}"},
      {"var", "write V.A{reactive}"},
      {"µm", "write um"},
      {"Ω", "write Ohm"},
      {"kΩ", "write kOhm"},
      {"kpa", "write kPa"},
      {"HZ", "write Hz"},
      {"Nm", "write N.m"},
      {"N·m", "write N.m"},
      {"N*m", "write N.m"},
      {"m/sec", "write m/s"},
      {"W/m²", "write W/m2"},
      {"l per min", "write l/min"},
      {"gpm", "write [gal_us]/min"},
      {"mmHg", "write mm[Hg]"},
      {"ppm", "write [ppm]"},
      {"% RH", "write %{RH}"},
      {"Liter", "write l"},
      {"mpa", "did you mean MPa or mPa"},
      {"KW", "write kW"},
      {"inches", "write [in_i]"},
      {"kWh/day", "write kW.h/d"},
      {"furlong", "units are spelt as in UCUM"},
  };
  for (const auto& [text, hint] : wrong) {
    EXPECT_THAT(refusal(text), HasSubstr(hint)) << text;
    EXPECT_THAT(refusal(text), HasSubstr("is no unit")) << text;
  }
  // Each correction is a unit itself.
  for (const auto& [text, hint] : wrong)
    if (const std::string_view to = hint; to.starts_with("write ")) {
      EXPECT_TRUE(Unit::parse(to.substr(6))) << to;
    }
}

TEST(Unit, SaysWhatElseIsRead) {
  EXPECT_THAT(misread(unit("F"), unit("Cel")), HasSubstr("[degF]"));
  EXPECT_THAT(misread(unit("Cel"), unit("C")), HasSubstr("Cel"));
  EXPECT_THAT(misread(unit("m"), unit("ft")), HasSubstr("[ft_i]"));
  EXPECT_EQ(misread(unit("kPa"), unit("Cel")), "");
}

TEST(Unit, SaysWhatIsWrong) {
  const std::pair<const char*, const char*> wrong[] = {
      {"", "empty"},
      {"m/", "missing at the end"},
      {"m..s", "cannot stand here"},
      {"(m", "')' is missing"},
      {"m)", "closes nothing"},
      {"{rpm", "'}' is missing"},
      {"m{a{b}}", "'}' is missing"},
      {"s-", "exponent is missing"},
      {"m0", "exponent of 0"},
      {"m100", "too large"},
      {"0.m", "a unit of 0"},
      {"m 2", "does not know"},
      {"foo/s", "there is no 'foo'"},
      {"[oops]", "there is no '[oops]'"},
      {"[unclosed", "there is no"},
      {"m]", "cannot stand"},
      {"1234567890123456.m", "too long"},
      {"-m", "cannot stand"},
      {"m2.(m99)", "too large, or too small"},
      {"Ym99", "too large, or too small"},
  };
  for (const auto& [text, why] : wrong) EXPECT_THAT(refusal(text), HasSubstr(why)) << text;
}

TEST(Unit, IsBounded) {
  EXPECT_FALSE(Unit::parse(std::string(129, 'm')));
  EXPECT_THAT(refusal(std::string(100'000, '(')), HasSubstr("128 are allowed"));
  EXPECT_TRUE(Unit::parse(std::string(16, '(') + "m" + std::string(16, ')')));
  EXPECT_THAT(refusal(std::string(17, '(') + "m" + std::string(17, ')')), HasSubstr("too many parentheses"));
  EXPECT_THAT(refusal(std::string("m\0s", 3)), HasSubstr("does not know"));
  EXPECT_THAT(refusal("\x1b[31m"), HasSubstr("?[31m"));  // a terminal is not told what to do
}

// Whatever comes: a unit with finite numbers, or an error; and what is a unit converts to itself.
TEST(Unit, TakesHostileTexts) {
  std::mt19937 random(7);
  const std::string_view alphabet = "mskgACdK%'[]{}()./-+0123456789*^Pa h\xc2\xb0\xff";
  const std::string_view seeds[] = {"m3/h", "kW.h", "[in_i'H2O]", "10*-6.m", "B[10.nV]", "{a}/(s.m2)", "Cel"};
  int taken = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string text(i % 3 == 0 ? "" : seeds[random() % std::size(seeds)]);
    for (std::size_t n = random() % 8; n > 0; --n) {
      const std::size_t at = text.empty() ? 0 : random() % text.size();
      const char c = alphabet[random() % alphabet.size()];
      if (random() % 2 == 0) text.insert(at, 1, c);
      else if (!text.empty()) text[at] = c;
    }
    const auto parsed = Unit::parse(text);
    if (!parsed) {
      ASSERT_FALSE(parsed.error().what.empty());
      continue;
    }
    ++taken;
    ASSERT_TRUE(std::isfinite(parsed->scale) && parsed->scale > 0) << text;
    ASSERT_TRUE(std::isfinite(parsed->offset)) << text;
    const auto itself = convert(*parsed, unit(parsed->text));
    ASSERT_TRUE(itself && itself->same()) << text;
  }
  EXPECT_GT(taken, 1'000);
}

}  // namespace
}  // namespace weir::model
