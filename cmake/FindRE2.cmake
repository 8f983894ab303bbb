# RE2, as RE2::RE2: Debian's package has a pkg-config file and no CMake package.
find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(PC_RE2 QUIET re2)
endif()
find_path(RE2_INCLUDE_DIR re2/re2.h HINTS ${PC_RE2_INCLUDE_DIRS})
find_library(RE2_LIBRARY re2 HINTS ${PC_RE2_LIBRARY_DIRS})

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(RE2 REQUIRED_VARS RE2_LIBRARY RE2_INCLUDE_DIR
                                  REASON_FAILURE_MESSAGE "install RE2's development files (Debian: libre2-dev)")
if(RE2_FOUND AND NOT TARGET RE2::RE2)
  add_library(RE2::RE2 INTERFACE IMPORTED)
  set_target_properties(RE2::RE2 PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${RE2_INCLUDE_DIR}"
                                            INTERFACE_LINK_LIBRARIES "${RE2_LIBRARY}")
endif()
mark_as_advanced(RE2_INCLUDE_DIR RE2_LIBRARY)
