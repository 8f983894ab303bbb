include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/trapline)
install(TARGETS trapline EXPORT trapline-targets FILE_SET HEADERS)
install(EXPORT trapline-targets NAMESPACE trapline:: DESTINATION ${package_dir})
get_target_property(kind trapline TYPE)
set(trapline_is_static OFF)
set(libs_of_static "")
if(kind STREQUAL "STATIC_LIBRARY")
  set(trapline_is_static ON)
  set(libs_of_static " -lfmt -ldw -lelf -llzma -lcapstone -lre2 -pthread")
endif()
configure_package_config_file(${CMAKE_CURRENT_SOURCE_DIR}/cmake/trapline-config.cmake.in
                              ${CMAKE_CURRENT_BINARY_DIR}/trapline-config.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/trapline-config-version.cmake COMPATIBILITY SameMajorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/trapline-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/trapline-config-version.cmake
              ${CMAKE_CURRENT_SOURCE_DIR}/cmake/FindLibdw.cmake ${CMAKE_CURRENT_SOURCE_DIR}/cmake/FindCapstone.cmake
              ${CMAKE_CURRENT_SOURCE_DIR}/cmake/FindRE2.cmake
        DESTINATION ${package_dir})
# Relative to the file itself: the prefix may be chosen as late as at `cmake --install --prefix`.
file(RELATIVE_PATH prefix_from_pc ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(${CMAKE_CURRENT_SOURCE_DIR}/trapline.pc.in ${CMAKE_CURRENT_BINARY_DIR}/trapline.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/trapline.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(TARGET trapline_program)
  install(TARGETS trapline_program)
endif()
