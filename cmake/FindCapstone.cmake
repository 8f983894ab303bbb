# Capstone, as Capstone::Capstone: it ships a pkg-config file and no CMake package.
find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(PC_CAPSTONE QUIET capstone)
endif()
# Its pkg-config file names the folder of the headers themselves, which are included by that folder's name.
list(TRANSFORM PC_CAPSTONE_INCLUDE_DIRS APPEND "/.." OUTPUT_VARIABLE capstone_hints)
find_path(Capstone_INCLUDE_DIR capstone/capstone.h HINTS ${capstone_hints})
find_library(Capstone_LIBRARY capstone HINTS ${PC_CAPSTONE_LIBRARY_DIRS})

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Capstone REQUIRED_VARS Capstone_LIBRARY Capstone_INCLUDE_DIR
                                  REASON_FAILURE_MESSAGE "install Capstone's development files (Debian: libcapstone-dev)")
if(Capstone_FOUND AND NOT TARGET Capstone::Capstone)
  add_library(Capstone::Capstone INTERFACE IMPORTED)
  set_target_properties(Capstone::Capstone PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${Capstone_INCLUDE_DIR}"
                                                      INTERFACE_LINK_LIBRARIES "${Capstone_LIBRARY}")
endif()
mark_as_advanced(Capstone_INCLUDE_DIR Capstone_LIBRARY)
