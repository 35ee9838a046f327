// Copyright (c) 2026, the xitrum.host maintainers
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import java.io.File;

/** Prints the value that is in force for each path: the arguments are a HOCON file and paths. For Typesafe Config from 1.2 on. */
public class Effective {
    public static void main(String[] arguments) {
        Config config = ConfigFactory.load(ConfigFactory.parseFile(new File(arguments[0])));
        for (int number = 1; number < arguments.length; number++) {
            System.out.println(config.getString(arguments[number]));
        }
    }
}
